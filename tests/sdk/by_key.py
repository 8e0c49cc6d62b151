"""Calls one vendor's API by its own library, which is given a base URL and a key and nothing else, and
prints what the caller got as one line of JSON.

by_key.py URL KEY openai|anthropic stream|document MAX_RETRIES CALLS
"""

import json
import sys
import time

import anthropic
import openai

url, key, vendor, form, max_retries, calls = sys.argv[1:]
statuses = []
options = {"api_key": key, "max_retries": int(max_retries)}
hello = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def watched(client):
    on_response = lambda response: statuses.append(response.status_code)
    client._client.event_hooks["response"].append(on_response)
    return client


def by_openai():
    create = watched(openai.OpenAI(base_url=url + "/v1", **options)).chat.completions.create
    if form == "document":
        return create(**hello).choices[0].message.content
    events = create(stream=True, **hello)
    return "".join(e.choices[0].delta.content or "" for e in events if e.choices)


def by_anthropic():
    messages = watched(anthropic.Anthropic(base_url=url, **options)).messages
    if form == "document":
        return messages.create(max_tokens=9, **hello).content[0].text
    with messages.stream(max_tokens=9, **hello) as events:
        return events.get_final_message().content[0].text


result = {}
began = time.monotonic()
try:
    for _ in range(int(calls)):
        result["text"] = {"openai": by_openai, "anthropic": by_anthropic}[vendor]()
except (openai.APIError, anthropic.APIError) as error:
    result.update(error=type(error).__name__, message=str(error))
seconds = time.monotonic() - began
print(json.dumps({**result, "statuses": statuses, "seconds": seconds}))
