"""Edge: the gateway agent: read, frame, sign, spool, ship."""
