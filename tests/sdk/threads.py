"""Many threads call one API by its vendor's own library, and one line of JSON tells what they got.

threads.py URL API THREADS CALLS_PER_MINUTE SECONDS SEED

First they spend what there is. Then all of them together begin so many calls a minute, at random
moments, for so many seconds; a thread whose call takes longer begins its next one at once. The
library's retries are its defaults.
"""

import json
import random
import sys
import threading
import time
from collections import Counter

import anthropic
import openai

url, api, threads, calls_per_minute, seconds, seed = sys.argv[1:]
headers = {"X-Client-ID": "a", "X-Token-Estimate": "1"}
options = {"api_key": "not-a-key", "default_headers": headers}
MESSAGES = [{"role": "user", "content": "Hello"}]

if api == "openai":
    client = openai.OpenAI(base_url=url + "/v1", **options)
    call = lambda client: client.chat.completions.create(model="m", messages=MESSAGES)
else:
    client = anthropic.Anthropic(base_url=url, **options)
    call = lambda client: client.messages.create(model="m", max_tokens=9, messages=MESSAGES)

RATE_LIMITED = (openai.RateLimitError, anthropic.RateLimitError)
outcomes, attempts = Counter(), Counter()
per_thread = float(calls_per_minute) / 60 / int(threads)


def together(work):
    workers = [threading.Thread(target=work, args=[number]) for number in range(int(threads))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def spend(_):
    try:
        while True:
            call(client.with_options(max_retries=0))
    except RATE_LIMITED:
        pass


def thread(number):
    chance = random.Random(f"{seed} {number}")
    due = begin
    while True:
        due += chance.expovariate(per_thread)
        if max(due, time.monotonic()) > end:
            return
        time.sleep(max(0, due - time.monotonic()))
        try:
            call(client)
            outcome = "succeeded"
        except RATE_LIMITED:
            outcome = "rate_limited"
        except (openai.APIError, anthropic.APIError) as error:
            outcome = repr(error)
        outcomes[outcome] += 1


together(spend)
client._client.event_hooks["response"].append(lambda response: attempts.update([response.status_code]))
begin = time.monotonic()
end = begin + float(seconds)
together(thread)
rate_limited = outcomes.pop("rate_limited", 0)
succeeded = outcomes.pop("succeeded", 0)
result = {"succeeded": succeeded, "rate_limited": rate_limited, "others": dict(outcomes)}
print(json.dumps({**result, "attempts": sum(attempts.values())}))
