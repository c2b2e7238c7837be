"""Alerts outside the fold: their policy. Their life is in `cem.domain.alerting`, what finds them in `cem.domain.detectors`."""
