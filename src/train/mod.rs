//! Training the MNIST CNN, data-parallel over replicas.
