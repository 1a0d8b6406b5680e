"""The whole product behind a real nginx, with visitors at work, while its processes are killed, stopped and starved."""
