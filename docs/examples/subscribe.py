"""Print every minute and event of a chain's boxes as they arrive: pip install paho-mqtt, then
python subscribe.py broker.example 1883. It only listens; `storeedge hub run` keeps and acknowledges."""

import json
import sys

import paho.mqtt.client as mqtt


def show(_client: mqtt.Client, _data: None, message: mqtt.MQTTMessage) -> None:
    tenant, store, box = message.topic.split("/")[2:5]
    content = json.loads(message.payload)
    print(tenant, store, box, content["schema"], content["seq"], json.dumps(content["body"]), flush=True)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.on_message = show
client.on_connect = lambda *_: client.subscribe("storeedge/1/+/+/+/up/#", qos=1)
client.connect(sys.argv[1], int(sys.argv[2]))
client.loop_forever()
