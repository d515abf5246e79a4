"""Compiled kernels: what runs on the CPU when a mask is sparser than a matrix product."""
