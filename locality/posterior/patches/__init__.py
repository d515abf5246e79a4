"""Every pixel has its own softmax over all patches of all images."""
