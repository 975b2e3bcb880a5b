"""The commands of `adgang` that belong to idp itself, by what they act on. keys and clients_registry have their own."""
