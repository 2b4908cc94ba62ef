"""Long-tailed recognition: data, two-stage training, calibration and reports (MiSLAS and LADC reproduced)."""
