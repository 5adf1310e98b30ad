# For type checkers, which cannot see what `__getattr__` brings.
from gpt_sovits_emotion.core.errors import EmotionError as EmotionError
from gpt_sovits_emotion.front import Annotator as Annotator
from gpt_sovits_emotion.front import load as load
from gpt_sovits_emotion.front import open_voice as open_voice
from gpt_sovits_emotion.results import Annotation as Annotation
from gpt_sovits_emotion.results import Spoken as Spoken
from gpt_sovits_emotion.results import Voice as Voice

__version__: str
__all__: list[str]
