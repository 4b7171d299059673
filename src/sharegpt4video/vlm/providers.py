"""Who serves models in the OpenAI chat format, by one short word: ``--model ollama:qwen3-vl:8b``.

All of them are `ServerVLM` with other defaults, which are data: addresses, key variables and limits as publicly known.
A limit that depends on the model is left out or is the smallest documented one; every value can be set as an option
(``-O max_images=4``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MB = 1_000_000
_MIB = 2**20


@dataclass(frozen=True)
class Provider:
    """One program on your machines, or one service, that answers chat requests.

    title      what it is, in a few words
    url        its address, which ``PROVIDER:MODEL@URL`` replaces
    example    a model of it that sees
    key        environment variable with the API key, where one is needed or can be set
    key_page   where to get a key; "" where none is needed
    start      the command that starts it; "" for a service
    add        the command that gives it a model, with ``{model}`` in it; "" where there is none
    note       what else a user should know before a long run; "" for nothing
    lists_all  whether ``GET /models`` lists every model that it answers for, so that another name is a mistake
    hears      whether it takes sound for models that hear (``input_audio``): the option ``send_sound``
    options    options of `ServerVLM` that are different here
    """

    title: str
    url: str
    example: str
    key: str = ""
    key_page: str = ""
    start: str = ""
    add: str = ""
    note: str = ""
    lists_all: bool = False
    hears: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def needs_key(self) -> bool:
        """Whether it answers nobody without a key."""
        return bool(self.key_page)

    @property
    def is_local(self) -> bool:
        """Whether it runs on machines of your own."""
        return bool(self.start)


# A model on a laptop may take minutes for a caption, and answers few requests at a time.
_LAPTOP = {"max_concurrent": 4, "timeout_seconds": 900.0, "deadline_seconds": 3600.0}

ANY = Provider("any OpenAI-compatible chat server", "", "", key="OPENAI_API_KEY")
"""Nobody in particular: ``server:MODEL@URL``."""

PROVIDERS: Mapping[str, Provider] = {
    "ollama": Provider(
        "Ollama on this machine",
        "http://localhost:11434/v1",
        "qwen3-vl:8b",
        key="OLLAMA_API_KEY",
        start="ollama serve",
        add="ollama pull {model}",
        note="it cuts off what its context does not hold, without a word: start it with OLLAMA_CONTEXT_LENGTH=16384",
        lists_all=True,
        options=_LAPTOP,
    ),
    "lmstudio": Provider(
        "LM Studio on this machine",
        "http://localhost:1234/v1",
        "qwen/qwen3-vl-8b",
        key="LM_API_TOKEN",
        start="lms server start",
        add="lms get {model}",
        lists_all=True,
        options=_LAPTOP,
    ),
    "llamacpp": Provider(
        "llama.cpp's llama-server on this machine",
        "http://localhost:8080/v1",
        "qwen3-vl",
        start="llama-server -hf ggml-org/Qwen3-VL-8B-Instruct-GGUF",
        hears=True,
        options=_LAPTOP,
    ),
    "vllm-server": Provider(
        "a vLLM server",
        "http://localhost:8000/v1",
        "Qwen/Qwen3-VL-8B-Instruct",
        key="VLLM_API_KEY",
        start="vllm serve {model}",
        lists_all=True,
        hears=True,
        options={"max_images": 16, "native_video": "jpeg_frames"},
    ),
    "sglang": Provider(
        "an SGLang server",
        "http://localhost:30000/v1",
        "Qwen/Qwen3-VL-8B-Instruct",
        start="python -m sglang.launch_server --model-path {model}",
        options={"max_images": 16},
    ),
    "lmdeploy": Provider(
        "an LMDeploy server",
        "http://localhost:23333/v1",
        "OpenGVLab/InternVL3_5-8B",
        start="lmdeploy serve api_server {model}",
        lists_all=True,
        options={"max_images": 16},
    ),
    "openai": Provider(
        "OpenAI",
        "https://api.openai.com/v1",
        "gpt-5-mini",
        key="OPENAI_API_KEY",
        key_page="platform.openai.com/api-keys",
        options={"max_images": 500, "max_request_bytes": 50 * _MB},
    ),
    "gemini": Provider(
        "Google Gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "gemini-3.5-flash",
        key="GEMINI_API_KEY",
        key_page="aistudio.google.com/apikey",
        hears=True,
        options={"max_images": 3000, "max_request_bytes": 20 * _MB},
    ),
    "anthropic": Provider(
        "Anthropic Claude",
        "https://api.anthropic.com/v1",
        "claude-haiku-4-5",
        key="ANTHROPIC_API_KEY",
        key_page="platform.claude.com",
        options={
            "max_images": 100,
            "max_image_side_pixels": 1568,
            "max_image_bytes": 3_750_000,  # 5 MB in base64
            "max_request_bytes": 32 * _MB,
        },
    ),
    "openrouter": Provider(
        "OpenRouter, a gateway to most hosted models",
        "https://openrouter.ai/api/v1",
        "qwen/qwen3-vl-8b-instruct",
        key="OPENROUTER_API_KEY",
        key_page="openrouter.ai/keys",
        hears=True,
        options={"max_images": 8},  # it depends on who serves the model
    ),
    "huggingface": Provider(
        "Hugging Face Inference Providers",
        "https://router.huggingface.co/v1",
        "Qwen/Qwen3-VL-8B-Instruct",
        key="HF_TOKEN",
        key_page="huggingface.co/settings/tokens",
        options={"max_images": 8},
    ),
    "groq": Provider(
        "Groq",
        "https://api.groq.com/openai/v1",
        "meta-llama/llama-4-scout-17b-16e-instruct",
        key="GROQ_API_KEY",
        key_page="console.groq.com/keys",
        options={"max_images": 5, "max_request_bytes": 4 * _MB},
    ),
    "mistral": Provider(
        "Mistral",
        "https://api.mistral.ai/v1",
        "mistral-small-latest",
        key="MISTRAL_API_KEY",
        key_page="console.mistral.ai/api-keys",
        options={"max_images": 8, "max_image_bytes": 10 * _MB},
    ),
    "xai": Provider(
        "xAI",
        "https://api.x.ai/v1",
        "grok-4",
        key="XAI_API_KEY",
        key_page="console.x.ai",
        options={"max_images": 16, "max_image_bytes": 10 * _MIB},
    ),
    "together": Provider(
        "Together AI",
        "https://api.together.xyz/v1",
        "Qwen/Qwen3-VL-8B-Instruct",
        key="TOGETHER_API_KEY",
        key_page="api.together.ai/settings/api-keys",
        options={"max_images": 8},
    ),
    "fireworks": Provider(
        "Fireworks AI",
        "https://api.fireworks.ai/inference/v1",
        "accounts/fireworks/models/qwen3-vl-30b-a3b-instruct",
        key="FIREWORKS_API_KEY",
        key_page="app.fireworks.ai/settings/users/api-keys",
        options={"max_images": 30, "max_request_bytes": 10 * _MB},
    ),
    "deepinfra": Provider(
        "DeepInfra",
        "https://api.deepinfra.com/v1/openai",
        "Qwen/Qwen3-VL-30B-A3B-Instruct",
        key="DEEPINFRA_API_KEY",
        key_page="deepinfra.com/dash/api_keys",
        options={"max_images": 8},
    ),
    "dashscope": Provider(
        "Alibaba Cloud Model Studio",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        "qwen3-vl-plus",
        key="DASHSCOPE_API_KEY",
        key_page="modelstudio.console.alibabacloud.com",
        options={"max_images": 250, "max_image_bytes": 7_500_000, "native_video": "frame_list"},  # 10 MB in base64
    ),
    "siliconflow": Provider(
        "SiliconFlow",
        "https://api.siliconflow.com/v1",
        "Qwen/Qwen3-VL-8B-Instruct",
        key="SILICONFLOW_API_KEY",
        key_page="cloud.siliconflow.com/account/ak",
        options={"max_images": 8},
    ),
    "moonshot": Provider(
        "Moonshot AI",
        "https://api.moonshot.ai/v1",
        "kimi-k2.5",
        key="MOONSHOT_API_KEY",
        key_page="platform.moonshot.ai/console/api-keys",
        options={"max_images": 16, "max_request_bytes": 100 * _MB},
    ),
    "zai": Provider(
        "Z.ai",
        "https://api.z.ai/api/paas/v4",
        "glm-4.5v",
        key="ZAI_API_KEY",
        key_page="z.ai/manage-apikey/apikey-list",
        options={"max_images": 16, "max_image_bytes": 5 * _MB, "max_image_side_pixels": 6000},
    ),
}

ALSO_CALLED: Mapping[str, str] = {
    "google": "gemini",
    "vertex": "gemini",
    "claude": "anthropic",
    "gpt": "openai",
    "chatgpt": "openai",
    "grok": "xai",
    "qwen": "dashscope",
    "alibaba": "dashscope",
    "aliyun": "dashscope",
    "kimi": "moonshot",
    "glm": "zai",
    "zhipu": "zai",
    "llama.cpp": "llamacpp",
    "llama-server": "llamacpp",
    "vllm-serve": "vllm-server",
    "inference": "huggingface",
}
"""What people may call a provider; who does is told its name here."""
