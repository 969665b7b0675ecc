import pytest

from dockertools.engine import Engine, connect
from dockertools.errors import DockertoolsError
from dockertools.image.inspect import clean_instruction, inspect_image


@pytest.mark.parametrize(
    ("created_by", "instruction"),
    [
        ("RUN /bin/sh -c apt-get update  && true # buildkit", "RUN apt-get update && true"),
        ("RUN |2 A=1 B=two words /bin/sh -c make\n  install # buildkit", "RUN make install"),
        ('/bin/sh -c #(nop)  CMD ["python3"]', 'CMD ["python3"]'),
        ("/bin/sh -c pip install x", "RUN pip install x"),
        ("COPY . . # buildkit", "COPY . ."),
        ("", ""),
    ],
)
def test_history_reads_as_it_stood_in_the_dockerfile(created_by: str, instruction: str) -> None:
    assert clean_instruction(created_by) == instruction


@pytest.mark.engine
def test_sizes_are_those_of_docker_history(engine: Engine, production_image: str) -> None:
    facts = inspect_image(connect(), production_image)
    assert facts.size_bytes == sum(layer.size_bytes for layer in facts.layers)
    assert any("COPY /app /app" in layer.instruction for layer in facts.layers)
    assert facts.user == "1000:1000"
    assert facts.compressed_bytes is None or 0 < facts.compressed_bytes < facts.size_bytes


@pytest.mark.engine
def test_an_image_that_is_not_there_is_named(engine: Engine) -> None:
    with pytest.raises(DockertoolsError, match="There is no image 'dockertools-test/none:latest'"):
        inspect_image(connect(), "dockertools-test/none:latest")
