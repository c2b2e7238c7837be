"""What notices that something is wrong, one detector a file. A detector finds; `cem.domain.alerting` tells."""
