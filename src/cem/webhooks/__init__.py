"""The webhooks' sender: what `cem.alerts.delivery` plans, done over HTTP and kept in the store."""
