<?php
// php client.php PLAN TRANSCRIPT: makes the plan's calls with PHP's SoapClient.
$plan = json_decode(file_get_contents($argv[1]), true, 64, JSON_THROW_ON_ERROR);
$version = $plan['binding'] === 'soap12' ? SOAP_1_2 : SOAP_1_1;
$client = new SoapClient($plan['wsdl'], [
    'soap_version' => $version,
    'cache_wsdl' => WSDL_CACHE_NONE,
    'features' => SOAP_SINGLE_ELEMENT_ARRAYS,
    'exceptions' => true,
]);

/** Names that items may have by the name of a field that is an array, as the types of the WSDL have them. */
$arrays = [];
foreach ($client->__getTypes() as $type)
    if (preg_match_all('/^ ArrayOf(\w+) (\w+);$/m', $type, $fields, PREG_SET_ORDER))
        foreach ($fields as [, $item, $field]) $arrays[$field][] = $item === 'String' ? 'string' : $item;

/** Of a reply: what JSON has. An empty array is read as an object without properties. */
function plain(mixed $value): mixed
{
    global $arrays;
    if (is_array($value)) return array_map('plain', $value);
    if (!is_object($value)) return $value;
    $fields = [];
    foreach (get_object_vars($value) as $name => $item)
        $fields[$name] = plain(isset($arrays[$name]) ? items($item, $arrays[$name]) : $item);
    return (object) $fields;
}
function items(?object $array, array $names): array
{
    foreach ($names as $name) if (isset($array->$name)) return $array->$name;
    return [];
}

/** Without the WSDL, which has no such method. */
function callUnknown(array $plan, int $version, string $name): mixed
{
    $client = new SoapClient(null, ['location' => $plan['url'], 'uri' => $plan['namespace'], 'soap_version' => $version]);
    return $client->__soapCall($name, [], ['soapaction' => $plan['actions'] . $name]);
}

$transcript = fopen($argv[2], 'w');
foreach ($plan['steps'] as $step) {
    try {
        $said = isset($step['unknown'])
            ? ['result' => plain(callUnknown($plan, $version, $step['unknown']))]
            : ['result' => plain($client->{$step['call']}($step['args'])->{$step['call'] . 'Result'})];
    } catch (SoapFault $fault) {
        $said = ['fault' => ['code' => $fault->faultcode, 'text' => $fault->faultstring]];
    } catch (Throwable $error) {
        $said = ['error' => get_class($error) . ': ' . $error->getMessage()];
    }
    fwrite($transcript, json_encode($said, JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR) . "\n");
}
