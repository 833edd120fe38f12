/** The outside clients: how each gets its proxy from the WSDL, and how it is run. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VERIFY } from '../own-stack.mjs';
import { actionsOf } from './raw-http.mjs';

const SOURCES = fileURLToPath(new URL('clients', import.meta.url));
const WORK = join(VERIFY, 'soap');

const answerOf = (command, args) =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
const inFolder = (folder, command, args) =>
  execFileSync(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });

/** An empty folder for what is generated. */
function folderFor(name) {
  const folder = join(WORK, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** JAX-WS RI of Debian; Java has had none of its own since 11. */
const JARS =
  /^(?:jaxws-(?:api|rt|tools)|jaxb-(?:api|core|runtime|xjc)|javax\.xml\.soap-api|saaj-impl|stax-ex|streambuffer|metro-policy|mimepull|FastInfoset|jws-api|gmbal|glassfish-management-api|codemodel|dtd-parser|geronimo-annotation-1\.3-spec|istack-commons-(?:runtime|tools)|javax\.activation|relaxngDatatype|rngom|stax2-api|txw2|woodstox-core|xml-resolver|xsom)\.jar$/;
const classPath = () =>
  readdirSync('/usr/share/java')
    .filter((name) => JARS.test(name))
    .map((name) => join('/usr/share/java', name))
    .join(':');

/**
 * `prepare(wsdl, namespace)` answers `(binding, plan, transcript) => [command, args]`. `bindings`: name in the table by
 * binding, with a variant where a client does it in two ways.
 */
export const CLIENTS = {
  zeep: {
    title: 'zeep (Python)',
    typed: true,
    runs: [{ binding: 'soap11' }, { binding: 'soap12' }, { binding: 'form' }],
    version: () => answerOf(join(VERIFY, 'soap-venv/bin/python'), ['-c', 'import zeep; print(zeep.__version__)']),
    prepare: () => (plan, transcript) => [
      join(VERIFY, 'soap-venv/bin/python'),
      [join(SOURCES, 'zeep_client.py'), plan, transcript],
    ],
  },
  php: {
    title: 'PHP SoapClient',
    typed: true,
    runs: [{ binding: 'soap11' }, { binding: 'soap12' }],
    version: () => answerOf('php', ['-r', 'echo PHP_VERSION;']),
    prepare: () => (plan, transcript) => ['php', [join(SOURCES, 'client.php'), plan, transcript]],
  },
  perl: {
    title: 'SOAP::Lite (Perl)',
    typed: false,
    runs: [{ binding: 'soap11' }, { binding: 'soap11', variant: 'wsdl' }, { binding: 'soap12' }],
    version: () => answerOf('perl', ['-MSOAP::Lite', '-e', 'print $SOAP::Lite::VERSION']),
    prepare: () => (plan, transcript) => ['perl', [join(SOURCES, 'client.pl'), plan, transcript]],
  },
  java: {
    title: 'JAX-WS RI (Java)',
    typed: true,
    runs: [{ binding: 'soap11' }, { binding: 'soap12' }],
    version: () => /jaxws-rt-(.*)\.jar/.exec(readdirSync('/usr/share/java').join('\n'))[1],
    prepare(wsdl) {
      const folder = folderFor('java');
      const jars = classPath();
      const tool = ['-Djavax.xml.accessExternalSchema=all', '-cp', jars, 'com.sun.tools.ws.WsImport'];
      // SOAP 1.2 is an extension to JAX-WS.
      inFolder(folder, 'java', [
        ...tool,
        '-quiet',
        '-extension',
        '-Xnocompile',
        '-s',
        '.',
        '-d',
        '.',
        '-p',
        'provision',
        wsdl,
      ]);
      // package-info holds the namespace; nothing refers to it, so javac is given it by name.
      const sources = [
        ...['JaxWs.java', 'Json.java'].map((name) => join(SOURCES, name)),
        'provision/package-info.java',
      ];
      inFolder(folder, 'javac', ['-nowarn', '-encoding', 'UTF-8', '-cp', `${jars}:.`, '-d', '.', ...sources]);
      return (plan, transcript) => [
        'java',
        ['--add-opens', 'java.base/java.lang=ALL-UNNAMED', '-cp', `${jars}:${folder}`, 'JaxWs', plan, transcript],
      ];
    },
  },
  mono: {
    title: '.NET proxy (Mono)',
    typed: true,
    runs: [{ binding: 'soap11' }, { binding: 'soap12' }, { binding: 'form' }],
    version: () => /version ([\d.]+)/.exec(answerOf('mono', ['--version']))[1],
    prepare(wsdl, namespace) {
      const folder = folderFor('mono');
      for (const protocol of ['Soap', 'Soap12', 'HttpPost']) {
        const name = protocol === 'Soap' ? 'Soap11' : protocol;
        inFolder(folder, 'wsdl', [`-protocol:${protocol}`, `-namespace:${name}`, `-out:${name}.cs`, wsdl]);
        // A namespace that the proxy for forms names and doesn't use, and that Mono has no assembly for.
        const file = join(folder, `${name}.cs`);
        writeFileSync(file, readFileSync(file, 'utf8').replace('using System.EnterpriseServices;', ''));
      }
      writeFileSync(
        join(folder, 'Client.cs'),
        readFileSync(join(SOURCES, 'Mono.cs'), 'utf8')
          .replace('@NAMESPACE@', namespace)
          .replace('@ACTIONS@', actionsOf(namespace)),
      );
      const assemblies = ['-r:System.Web.Services', '-r:System.Web.Extensions', '-r:System.Xml'];
      const sources = ['Client.cs', 'Soap11.cs', 'Soap12.cs', 'HttpPost.cs'];
      inFolder(folder, 'mcs', ['-nowarn:162,169,414', ...assemblies, ...sources, '-out:Client.exe']);
      return (plan, transcript) => ['mono', [join(folder, 'Client.exe'), plan, transcript]];
    },
  },
};

export const soapFolder = () => (mkdirSync(WORK, { recursive: true }), WORK);
