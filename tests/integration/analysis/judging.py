"""The judge as tests ask it: through the real SDK, against the stand-in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai

from callguard.analysis.judge import OpenAIJudge
from callguard.analysis.llm import ChatServer
from tests.stand_ins.openai import OpenAIStandIn

MODEL = "gpt-4o-mini"
BUDGET_SECONDS = 5.0


@asynccontextmanager
async def asking(
    stand_in: OpenAIStandIn, budget_seconds: float = BUDGET_SECONDS
) -> AsyncIterator[OpenAIJudge]:
    """A judge with a breaker, and a memory of what the server knows, of its own."""
    async with openai.AsyncOpenAI(api_key="sk-secret", base_url=stand_in.base_url, max_retries=0) as client:
        yield OpenAIJudge(ChatServer(client, MODEL), budget_seconds=budget_seconds)
