from __future__ import annotations

from vst.synthetic.anime import Anime
from vst.synthetic.battle import Battle
from vst.synthetic.scene import Scene, Shot
from vst.synthetic.talk import Talk

__all__ = ["Anime", "Battle", "Scene", "Shot", "Talk"]
