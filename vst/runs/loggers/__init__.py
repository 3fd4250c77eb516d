"""Where a run's figures and pictures are also sent: Weights & Biases, TensorBoard, MLflow."""
