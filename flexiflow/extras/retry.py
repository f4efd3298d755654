"""Trying again; the home is `flexiflow.retry`."""

from flexiflow.retry import RetryConfig, retry_async

__all__ = ["RetryConfig", "retry_async"]
