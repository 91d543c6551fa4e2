/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The generated structs, enumerations and symbols of all types, services and operations. */
#include "model/model.h"
#include "model/model_types.h"
