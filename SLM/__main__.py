"""`python -m SLM <verb>`."""

from SLM.cli import main

if __name__ == "__main__":
    main()
