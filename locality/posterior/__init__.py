"""The posterior engine: softmax averages over a bank of images."""
