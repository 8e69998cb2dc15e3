"""Many processes that do nothing: many.py FILES COUNT."""
import os
import sys
import time

for _ in range(int(sys.argv[2])):
    if os.fork() == 0:
        time.sleep(1 << 20)
print("ready", flush=True)
time.sleep(1 << 20)
