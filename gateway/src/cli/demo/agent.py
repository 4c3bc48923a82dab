import json
import os
import sys
import urllib.request

import openai

what, model = sys.argv[1], sys.argv[2]
question = [{"role": "user", "content": "What does Bursar do?"}]


def client(**options):
    return openai.OpenAI(**options)


def told(headers):
    words = [
        ("bursar-reserved-usd", "held before it left $"),
        ("bursar-cost-usd", "did cost $"),
        ("bursar-max-output-tokens", "output bound put in: "),
        ("bursar-budget-remaining-usd", "left $"),
    ]
    return "; ".join(text + headers[name] for name, text in words if name in headers)


if what == "call":
    raw = client().chat.completions.with_raw_response.create(model=model, messages=question)
    print(repr(raw.parse().choices[0].message.content))
    print(told(raw.headers))
elif what == "stream":
    raw = client().chat.completions.with_raw_response.create(model=model, messages=question, stream=True)
    print("".join(chunk.choices[0].delta.content or "" for chunk in raw.parse()))
    # A stream's head cannot tell its cost; whoever called may ask for it afterwards.
    asked = urllib.request.Request(
        os.environ["BURSAR_DECISIONS"] + raw.headers["bursar-decision-id"],
        headers={"bursar-key": os.environ["OPENAI_API_KEY"]},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked) as answer:
        print(f"{told(raw.headers)}; did cost ${json.load(answer)['cost_usd']}")
elif what == "spend":
    asked = [{"role": "user", "content": "Why? " * 400}]
    calls = 0
    while calls < 64:
        try:
            client().chat.completions.create(model=model, messages=asked, max_completion_tokens=800)
        except openai.APIStatusError as error:
            print(f"after {calls} more calls, raised once and not retried:")
            print(f"  openai.{type(error).__name__}, status {error.status_code}, code {error.code}")
            print(f"  {error.body['message']}")
            break
        calls += 1
elif what == "stray":
    try:
        client(base_url="https://api.unlisted.example/v1").chat.completions.create(model=model, messages=question)
    except openai.APIStatusError as error:
        print(f"openai.{type(error).__name__}, status {error.status_code}")
        print(f"  {error.body.get('detail') if isinstance(error.body, dict) else error.body}")
