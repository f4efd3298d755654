"""What FlexiFlow costs, beside what is possible at best and what others cost."""
