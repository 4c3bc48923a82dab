"""Eight calls with the official SDKs as their documentation shows them: each provider, sync and async, whole and
streamed. Base URLs, keys and certificates come from the environment, as everywhere else. Prints one JSON line a call;
what an SDK raises is a line too, with its type."""

import asyncio
import json

import anthropic
import openai

ASK = [{"role": "user", "content": "twelve bytes"}]
CHAT = {"model": "gpt-4o-mini", "messages": ASK}
MESSAGE = {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": ASK}


def report(name, usage):
    print(json.dumps({"call": name, "input": usage[0], "output": usage[1]}), flush=True)


def failed(name, error):
    code = getattr(error, "code", None)
    status = getattr(error, "status_code", None)
    line = {"call": name, "error": type(error).__name__, "status": status, "code": code, "message": str(error)}
    print(json.dumps(line), flush=True)


def openai_usage(usage):
    return (usage.prompt_tokens, usage.completion_tokens)


def anthropic_usage(usage):
    return (usage.input_tokens, usage.output_tokens)


def sync_calls():
    def chat():
        with openai.OpenAI() as client:
            return openai_usage(client.chat.completions.create(**CHAT).usage)

    def chat_stream():
        with openai.OpenAI() as client:
            stream = client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True})
            return openai_usage([chunk.usage for chunk in stream if chunk.usage][-1])

    def message():
        with anthropic.Anthropic() as client:
            return anthropic_usage(client.messages.create(**MESSAGE).usage)

    def message_stream():
        with anthropic.Anthropic() as client, client.messages.stream(**MESSAGE) as stream:
            return anthropic_usage(stream.get_final_message().usage)

    for call in (chat, chat_stream, message, message_stream):
        try:
            report(call.__name__, call())
        except (openai.OpenAIError, anthropic.AnthropicError) as error:
            failed(call.__name__, error)


async def async_calls():
    async def async_chat():
        async with openai.AsyncOpenAI() as client:
            return openai_usage((await client.chat.completions.create(**CHAT)).usage)

    async def async_chat_stream():
        async with openai.AsyncOpenAI() as client:
            stream = await client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True})
            return openai_usage([chunk.usage async for chunk in stream if chunk.usage][-1])

    async def async_message():
        async with anthropic.AsyncAnthropic() as client:
            return anthropic_usage((await client.messages.create(**MESSAGE)).usage)

    async def async_message_stream():
        async with anthropic.AsyncAnthropic() as client, client.messages.stream(**MESSAGE) as stream:
            return anthropic_usage((await stream.get_final_message()).usage)

    for call in (async_chat, async_chat_stream, async_message, async_message_stream):
        try:
            report(call.__name__, await call())
        except (openai.OpenAIError, anthropic.AnthropicError) as error:
            failed(call.__name__, error)


sync_calls()
asyncio.run(async_calls())
