"""Calls one API by its vendor's own library, and prints what the caller got as one line of JSON.

call.py URL API stream|document ESTIMATE MAX_RETRIES CALLS [NAME=VALUE ...]

The pairs choose the mock LLM's answer. Of several calls the statuses of all are told, and what the
last one got.
"""

import json
import sys
import time

import anthropic
import openai

url, api, form, estimate, max_retries, calls, *pairs = sys.argv[1:]
stream = form == "stream"
headers = {"X-Client-ID": "a", "X-Token-Estimate": estimate}
options = {
    "api_key": "not-a-key",
    "default_headers": headers,
    "default_query": dict(pair.split("=") for pair in pairs),
    "max_retries": int(max_retries),
}
statuses = []
limits = {}


def attempt(response):
    statuses.append(response.status_code)
    limits.update((k, v) for k, v in response.headers.items() if k.startswith("x-ratelimit-"))


def watched(client):
    client._client.event_hooks["response"].append(attempt)
    return client


def openai_client():
    return watched(openai.OpenAI(base_url=url + "/v1", **options))


def anthropic_client():
    return watched(anthropic.Anthropic(base_url=url, **options))


MESSAGES = [{"role": "user", "content": "Hello"}]


def chat():
    call = openai_client().chat.completions.create
    if not stream:
        answer = call(model="m", messages=MESSAGES)
        return answer.choices[0].message.content, answer.usage.total_tokens
    usage = {"include_usage": True}
    events = list(call(model="m", messages=MESSAGES, stream=True, stream_options=usage))
    text = "".join(e.choices[0].delta.content or "" for e in events if e.choices)
    return text, events[-1].usage.total_tokens


def completions():
    call = openai_client().completions.create
    if not stream:
        answer = call(model="m", prompt="Hello")
        return answer.choices[0].text, answer.usage.total_tokens
    usage = {"include_usage": True}
    events = list(call(model="m", prompt="Hello", stream=True, stream_options=usage))
    return "".join(e.choices[0].text for e in events if e.choices), events[-1].usage.total_tokens


def responses():
    call = openai_client().responses.create
    answer = list(call(model="m", input="Hello", stream=True))[-1].response if stream else call(model="m", input="Hello")
    return answer.output_text, answer.usage.total_tokens


def embeddings():
    answer = openai_client().embeddings.create(model="m", input="Hello")
    return str(len(answer.data[0].embedding)), answer.usage.total_tokens


def messages():
    client = anthropic_client()
    if stream:
        with client.messages.stream(model="m", max_tokens=9, messages=MESSAGES) as events:
            answer = events.get_final_message()
    else:
        answer = client.messages.create(model="m", max_tokens=9, messages=MESSAGES)
    usage = answer.usage
    used = usage.input_tokens + usage.output_tokens
    used += (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
    return answer.content[0].text, used


APIS = [chat, completions, responses, embeddings, messages]
result = {}
began = time.monotonic()
try:
    for _ in range(int(calls)):
        text, used = {function.__name__: function for function in APIS}[api]()
        result.update(text=text, used=used)
except (openai.APIError, anthropic.APIError) as error:
    result.update(error=type(error).__name__, message=str(error), body=error.body)
seconds = time.monotonic() - began
print(json.dumps({**result, "statuses": statuses, "limits": limits, "seconds": seconds}))
