"""The world on one machine: everything the app talks to, without a cloud; never deployed."""
