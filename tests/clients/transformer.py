"""A KServe transformer that passes requests on as they are; its readiness is that of the predictor behind it."""

import argparse

from kserve import Model, ModelServer, model_server
from kserve.model import PredictorConfig


class Transformer(Model):
    """Adds nothing."""

    def __init__(self, name, predictor):
        super().__init__(name, predictor)
        self.ready = True


parser = argparse.ArgumentParser(parents=[model_server.parser])
arguments, _ = parser.parse_known_args()
predictor = PredictorConfig(
    predictor_host=arguments.predictor_host,
    predictor_protocol=arguments.predictor_protocol,
    predictor_health_check=arguments.enable_predictor_health_check,
)
server = ModelServer(http_port=arguments.http_port, enable_grpc=False, predictor_config=predictor, workers=1)
server.start([Transformer(arguments.model_name, predictor)])
