"""What people say of calls, and what callers are remembered by: numbers and scripts, never voices."""
