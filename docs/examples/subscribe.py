"""Print every minute, event and coupon decision of a chain's boxes: pip install paho-mqtt, then
python subscribe.py broker.example 1883. It only listens; `storeedge hub run` keeps and acknowledges."""

import json
import sys

from paho.mqtt import subscribe
from paho.mqtt.client import MQTTMessage


def show(_client: object, _data: object, message: MQTTMessage) -> None:
    said = json.loads(message.payload)
    print(*message.topic.split("/")[2:5], said["schema"], said["seq"], json.dumps(said["body"]), flush=True)


subscribe.callback(show, "storeedge/1/+/+/+/up/+", qos=1, hostname=sys.argv[1], port=int(sys.argv[2]))
