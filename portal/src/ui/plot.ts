// SPDX-License-Identifier: Apache-2.0
// The part that draws, loaded when the first chart is shown.
import "uplot/dist/uPlot.min.css";
import Plot from "uplot";

export { Plot };
