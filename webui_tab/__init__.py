"""The tab: a thin face over `gpt_sovits_emotion.pipeline`, in Gradio."""
