/* The version in the banner. */
#pragma once

#define AUTON_VERSION "0.1.0"
