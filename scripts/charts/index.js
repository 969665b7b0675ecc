// What the page of docker_report takes of d3: its own code would be a worse copy of these.
export { hierarchy, treemap } from "d3-hierarchy";
export { scaleLinear } from "d3-scale";
export { line } from "d3-shape";
