"""The stream job: the product and its peers fold the same records from the same Kafka, in one run."""
