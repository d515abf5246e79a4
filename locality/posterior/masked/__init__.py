"""Every output has its own softmax over whole images: masks and weights of inputs."""
