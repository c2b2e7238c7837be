"""How alerts reach their consumers, as far as it can be decided without doing it: what is sent to whom, and when."""
