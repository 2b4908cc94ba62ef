"""A finished run as one file that predicts: export, loading, prediction, ONNX."""
