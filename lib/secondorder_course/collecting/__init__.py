"""The steps of `collect`: unpack, say whose it is, store, wait, report."""
