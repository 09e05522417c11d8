"""The Kubernetes API: semantics over a store, in process and over HTTP."""
