"""The sentences of the door: key -> English, Chinese. `webui_tab.texts.say` says them."""

from __future__ import annotations

__all__ = ["TABLE"]

TABLE = {
    "door_host": (
        "This page is not served under the name {name}, so the request was refused; open it by its address, "
        "or name it with --allow-host.",
        "本页面不以 {name} 这个名称提供服务，请求已被拒绝；请用其地址打开，或用 --allow-host 添加该名称。",
    ),
    "door_origin": (
        "The request came from another page ({origin}), so it was refused; open this page itself, or, if "
        "that is the address of your own proxy, name it with --allow-host.",
        "请求来自其他页面（{origin}），已被拒绝；请直接打开本页面；如果那是您自己的代理地址，"
        "请用 --allow-host 添加。",
    ),
    "door_too_large": (
        "The file is larger than the {limit} that this page takes; start it with a larger --max-upload, or "
        "cut the recording into parts.",
        "文件超过本页面允许的 {limit}；请用更大的 --max-upload 启动，或把录音切成几段。",
    ),
    "door_too_much": (
        "The request is larger than anything this page asks for, so it was refused; reload the page.",
        "请求过大，已被拒绝；请刷新页面。",
    ),
    "door_full": (
        "The disk is full, so the file could not be taken; make room and upload it again.",
        "磁盘已满，无法接收文件；请清理空间后重新上传。",
    ),
}
"""Key -> English, Chinese."""
