/** All that a page can try against the catalog, however its browser limits it. A script of the page. */
// biome-ignore lint/correctness/noUnusedVariables: the test calls it
async function attack({ apiUrl, s3Url, urls }) {
  const body = '<Delete><Object><Key>kept.txt</Key></Object></Delete>'
  const json = JSON.stringify({ action: 'DOWNLOAD', bucket: 'catalog', key: 'kept.txt' })
  const tries = []
  for (const mode of ['no-cors', 'cors']) {
    for (const credentials of ['omit', 'include']) {
      for (const url of urls) tries.push(() => fetch(url, { method: 'POST', mode, credentials, body }))
      tries.push(() => fetch(`${apiUrl}/audit`, { method: 'POST', mode, credentials, body: json }))
      tries.push(() => fetch(`${apiUrl}/download?key=kept.txt`, { mode, credentials }))
      tries.push(() => fetch(`${s3Url}/catalog/kept.txt`, { mode, credentials }))
    }
  }
  for (const method of ['PUT', 'DELETE']) {
    tries.push(() => fetch(`${s3Url}/catalog/kept.txt`, { method, headers: { authorization: 'AWS catalog:x' } }))
    tries.push(() => fetch(`${apiUrl}/object?key=kept.txt`, { method }))
  }
  const element = (name, set) =>
    new Promise(resolve => {
      const one = document.createElement(name)
      one.onload = one.onerror = () => resolve()
      set(one)
      document.documentElement.append(one)
    })
  for (const src of [`${apiUrl}/download?key=kept.txt`, `${s3Url}/catalog/kept.txt`]) {
    for (const name of ['img', 'script', 'iframe']) tries.push(() => element(name, one => (one.src = src)))
  }
  const post = (action, enctype, text) => () =>
    element('iframe', frame => {
      frame.name = `frame${Math.random()}`
      const form = Object.assign(document.createElement('form'), { method: 'post', action, enctype, target: frame.name })
      form.append(Object.assign(document.createElement('input'), { name: text, value: '' }))
      document.documentElement.append(form)
      setTimeout(() => form.submit(), 0)
    })
  for (const enctype of ['text/plain', 'multipart/form-data', 'application/x-www-form-urlencoded']) {
    for (const action of [...urls, `${apiUrl}/audit`, `${s3Url}/catalog`]) tries.push(post(action, enctype, body))
  }
  tries.push(async () => navigator.sendBeacon(`${apiUrl}/audit`, json))
  await Promise.all(tries.map(one => Promise.race([one().catch(() => {}), new Promise(done => setTimeout(done, 3000))])))
}
