/* The work on floats for the registers that every machine of the architecture has. */
#include "vector.h"

SLM_VECTOR(slm_vector_plain, )
