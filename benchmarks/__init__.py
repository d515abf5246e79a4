"""Measurements that are too long to be tests."""
