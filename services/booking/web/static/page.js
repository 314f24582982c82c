// Every page works without this file; it only makes some of them more comfortable.
"use strict";
document.documentElement.classList.replace("no-scripts", "scripts");
