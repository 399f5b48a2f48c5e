"""What jobs that ask a language model share: label schemas, prompts, answers, client and ledger."""
