ITEMS: list[str] = []
