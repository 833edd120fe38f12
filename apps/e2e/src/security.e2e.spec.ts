// Whole-system security on one running stack; the parts share it because starting it takes longer than most of them.
// The order counts: the last part looks at everything the others have left behind.
import './security-tenants.fixtures.js';
import './security-input.fixtures.js';
import './security-edges.fixtures.js';
import './security-secrets.fixtures.js';
