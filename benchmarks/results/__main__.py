"""python -m benchmarks.results"""

from benchmarks.results.pages import main

if __name__ == "__main__":
    main()
