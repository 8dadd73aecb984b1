"""`auton verify`: build, boot and judge every architecture."""
