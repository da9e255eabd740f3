#!/usr/bin/env python3
"""alarms.py --recordings DIR --trapline BINARY --rules FILE... [--max N]

Simulates the devices of all recordings DIR/*.snmprec, polls each once by the module auto, and prints the alarms that the
rules raise, by rule, with the hw_id each is about. A rule's "for" counts as 0: what one poll shows is what counts.
Exits with 1 if there are more than N.
"""
import argparse, collections, glob, json, os, re, subprocess, sys, tempfile, time, urllib.request


def simulate(trapline, listen, recordings, directory):
    """Starts the simulated devices, and gives the process and the address of each recording."""
    for i, path in enumerate(recordings):
        os.symlink(os.path.abspath(path), f'{directory}/{i:05d}.snmprec')
    command = [trapline, 'simulate', '--listen', listen] + [f'{i:05d}.snmprec' for i in range(len(recordings))]
    process = subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    addresses = {}
    for line in process.stdout:
        m = re.match(r'(\S+) answers as (\d+)\.snmprec', line)
        if m:
            addresses[recordings[int(m.group(2))]] = m.group(1)
        if len(addresses) == len(recordings):
            break
    return process, addresses


def configure(directory, addresses, rules):
    """Writes the rules without "for", and a configuration whose targets have the names of the recordings."""
    files = []
    for path in rules:
        files.append(os.path.basename(path))
        with open(path) as source, open(f'{directory}/{files[-1]}', 'w') as copy:
            copy.write(re.sub(r'(?m)^( +)for: .*\n', '', source.read()))
    with open(f'{directory}/snmp.yml', 'w') as f:
        f.write(f'global: {{interval: 1h, timeout: 5s, retries: 1}}\nrule_files: [{", ".join(files)}]\n')
        f.write('auths: {public_v2: {version: 2, community: public}}\ntargets:\n')
        for path, address in addresses.items():
            name = os.path.basename(path)[:-len('.snmprec')]
            f.write(f"- {{name: '{name}', address: '{address}', auth: public_v2, modules: [auto]}}\n")


def get(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode('utf-8', 'replace')


def polled(server, process, count, end):
    """Waits until each target has been polled once."""
    while time.time() < end:
        time.sleep(2)
        if process.poll() is not None:
            return False
        try:
            text = get(server + '/metrics')
        except OSError:
            continue
        if sum(line.startswith('trapline_target_up{') for line in text.splitlines()) >= count:
            return True
    return False


def alarms(server):
    """Gives the active alarms, when there are no more of them than two seconds before."""
    have = None
    while True:
        time.sleep(2)
        found = [a for query in ('', '?q=baseline%3Dtrue') for a in json.loads(get(server + '/api/v1/alarms' + query))['data']]
        found = list({a['id']: a for a in found}.values())
        if have == len(found):
            return found
        have = len(found)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--recordings', required=True)
    p.add_argument('--trapline', required=True)
    p.add_argument('--rules', required=True, nargs='+')
    p.add_argument('--listen', default='127.28.0.1:0')
    p.add_argument('--port', type=int, default=27902)
    p.add_argument('--max', type=int)
    a = p.parse_args()
    recordings = [f for f in sorted(glob.glob(a.recordings + '/*.snmprec')) if os.path.getsize(f)]
    children = []
    with tempfile.TemporaryDirectory() as directory:
        try:
            process, addresses = simulate(a.trapline, a.listen, recordings, directory)
            children.append(process)
            configure(directory, addresses, a.rules)
            with open(f'{directory}/log', 'w') as log:
                children.append(subprocess.Popen([a.trapline, '--web.listen-address', f'127.0.0.1:{a.port}', '--config.file', 'snmp.yml'],
                                                 cwd=directory, stdout=log, stderr=log))
            server = f'http://127.0.0.1:{a.port}'
            if not polled(server, children[-1], len(recordings), time.time() + 180):
                sys.exit(open(f'{directory}/log').read()[-4000:] + '\nnot all recordings were polled')
            found = alarms(server)
        finally:
            for c in children:
                c.terminate()
            for c in children:
                c.wait()
    return report(found, a.max)


def report(found, most):
    rules = collections.defaultdict(list)
    for alarm in found:
        labels = alarm['labels']
        rules[labels['alertname']].append((labels.get('target', ''), labels.get('hw_id', ''), alarm['text']))
    for rule, rows in sorted(rules.items()):
        print(f'## {rule} {len(rows)} alarms, {len({target for target, _, _ in rows})} targets')
        for target, part, summary in sorted(rows):
            print(f'  {target} | {summary} | {part}')
    print(f'{len(found)} alarms of {len({a["labels"].get("target") for a in found})} devices')
    if most is not None and len(found) > most:
        print(f'more than {most}')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
